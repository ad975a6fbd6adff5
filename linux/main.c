// SPDX-License-Identifier: GPL-2.0-only
/* main.c - the module: its parameters, and the drivers for each place where a window can be */
#include <linux/module.h>
#include "msg.h"

unsigned int msg_queue_size = 128;
module_param_named(queue_size, msg_queue_size, uint, 0444);
MODULE_PARM_DESC(queue_size, "entries of a virtqueue, at most (128)");
unsigned int msg_patience = 30;
module_param_named(patience, msg_patience, uint, 0644);
MODULE_PARM_DESC(patience,
		 "seconds without a back-end until requests end with errors; 0: never (30)");
unsigned int msg_timeout = 60;
module_param_named(timeout, msg_timeout, uint, 0644);
MODULE_PARM_DESC(timeout,
		 "seconds that the back-end has for an answer; it may be restarted meanwhile (60)");
bool msg_rfc3;
module_param_named(rfc3, msg_rfc3, bool, 0444);
MODULE_PARM_DESC(rfc3, "message layouts of the draft of 2025 instead of 2026");

static int __init msg_init_module(void)
{
	int err = msg_ivshmem_init();

	if (!err) {
		err = msg_platform_init();
		if (err) {
			msg_ivshmem_exit();
		}
	}
	return err;
}
module_init(msg_init_module);

static void __exit msg_exit_module(void)
{
	msg_platform_exit();
	msg_ivshmem_exit();
}
module_exit(msg_exit_module);

MODULE_DESCRIPTION(
	"virtio devices of another machine, through a window of shared memory (virtio-msg)");
MODULE_LICENSE("GPL");
