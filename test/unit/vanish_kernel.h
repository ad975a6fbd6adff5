/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vanish_kernel.h - a kernel of which one resource after the other can be pulled out
 *
 * This program's own ioctl(), socket(), pread() and so on stand between the Linux hosts and the kernel: an attribute of a
 * sensor, a disk, a chip on spidev, a CAN interface and a watchdog are there as long as the test says so. All else,
 * and other files, are the real kernel's. What the loop watches of the CAN interface is a pair of real sockets.
 */
#ifndef TEST_VANISH_KERNEL_H
#define TEST_VANISH_KERNEL_H

#include <errno.h>
#include <linux/can.h>
#include <linux/spi/spidev.h>
#include <linux/watchdog.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SCMI, RPMB, SPI, CAN, DOG, RTC, UNITS };

static struct {
	bool gone[UNITS];
	unsigned calls; /* to what is played */
	int pair[2];	/* of the CAN interface: the host's, the test's */
	int error;	/* that its socket has, once */
	int seconds;	/* of the watchdog */
	struct can_frame sent;
} k;

/* Does the descriptor stand for the file of this name? */
static bool names(int fd, const char *name)
{
	char link[32], path[256];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n < 0 ? 0 : n] = 0;
	return (size_t)n >= strlen(name) && strcmp(path + n - strlen(name), name) == 0;
}

/* returns: -1 and errno; unit `u` has vanished */
static int pulled(unsigned u, int error)
{
	k.calls++;
	errno = error;
	return k.gone[u] ? -1 : 0;
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	struct iovec v = { p, n };

	return names(fd, "/temp") && pulled(SCMI, ENODEV) ? -1 : preadv(fd, &v, 1, at);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
	struct iovec v = { (void *)(uintptr_t)p, n };

	return names(fd, "/rpmb") && pulled(RPMB, EIO) ? -1 : pwritev(fd, &v, 1, at);
}

static int spidev(int fd, unsigned long request, void *arg)
{
	struct spi_ioc_transfer *t = arg;

	if (names(fd, "/spi0") && pulled(SPI, ESHUTDOWN)) {
		return -1;
	}
	switch (request) {
	case SPI_IOC_RD_MAX_SPEED_HZ:
	case SPI_IOC_RD_MODE32:
		*(uint32_t *)arg = 0;
		return 0;
	case SPI_IOC_RD_BITS_PER_WORD:
		*(uint8_t *)arg = 8;
		return 0;
	case SPI_IOC_MESSAGE(1):
		if (t->rx_buf) {
			memset((void *)(uintptr_t)t->rx_buf, 0x5a, t->len);
		}
		return (int)t->len;
	default:
		return 0;
	}
}

static int watchdog(unsigned long request, int *arg)
{
	if (pulled(DOG, ENODEV)) {
		return -1;
	}
	if (request == WDIOC_SETTIMEOUT) {
		k.seconds = *arg;
	} else if (request == WDIOC_GETTIMEOUT) {
		*arg = k.seconds;
	}
	return 0;
}

static int interface(unsigned long request, struct ifreq *i)
{
	if (pulled(CAN, ENODEV)) {
		return -1;
	}
	if (request == SIOCGIFINDEX) {
		i->ifr_ifindex = 7;
	} else if (request == SIOCGIFMTU) {
		i->ifr_mtu = CAN_MTU;
	} else {
		i->ifr_flags = IFF_UP;
	}
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	switch (_IOC_TYPE(request)) {
	case SPI_IOC_MAGIC:
		return spidev(fd, request, arg);
	case WATCHDOG_IOCTL_BASE:
		return watchdog(request, arg);
	default:
		return interface(request, arg);
	}
}

int socket(int domain, int type, int protocol)
{
	return domain == PF_CAN ? k.pair[0] : (int)syscall(SYS_socket, domain, type, protocol);
}

int bind(int fd, __CONST_SOCKADDR_ARG a, socklen_t n)
{
	(void)fd;
	(void)a;
	(void)n;
	return pulled(CAN, ENODEV);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t n)
{
	(void)fd;
	(void)level;
	(void)name;
	(void)value;
	(void)n;
	return 0;
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
	(void)fd;
	(void)flags;
	if (pulled(CAN, ENXIO)) {
		return -1;
	}
	memcpy(&k.sent, p, sizeof(k.sent));
	return (ssize_t)n;
}

/* A byte in the pair: the socket has an error, or nothing more. */
ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	char byte;

	(void)m;
	if (syscall(SYS_recvfrom, fd, &byte, 1, flags, NULL, NULL) == 1) {
		k.calls++;
		errno = k.error;
	}
	return -1;
}

/* A CAN interface tells its sockets that it goes; everything else is noticed when it is used. */
static void pull(unsigned u)
{
	k.gone[u] = true;
	if (u == CAN) {
		k.error = ENODEV;
		assert_int_equal(write(k.pair[1], "", 1), 1);
	}
}

#endif
