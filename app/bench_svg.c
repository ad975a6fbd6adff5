/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench_svg.c - charts as SVG
 *
 * A chart is a rectangle of W by H in the picture, with its axes, grid, titles and legend around it. An axis maps a
 * value to 0 .. 1: linear; logarithmic; or in nines, where each further nine of a percentile takes the same room, so
 * that the tail of a latency can be seen. All texts are escaped: a command line has quotes and angles.
 */
#include "app/bench_svg.h"
#include <math.h>
#include <string.h>

#define W	720.0
#define H	300.0
#define LEFT	104.0
#define RIGHT	170.0 /* with the legend */
#define TOP	34.0
#define BOTTOM	56.0
#define ROW	(TOP + H + BOTTOM)
#define HEADING 18.0

static const char *const colour[SVG_LINES] = { "#0072b2", "#d55e00", "#009e73", "#cc79a7" };

struct axis {
	enum svg_scale scale;
	double low, high; /* of values */
};

static void text(FILE *out, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '&':
			fputs("&amp;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default: /* no control character is allowed in XML 1.0 but three */
			fputc((unsigned char)*s < 0x20 ? ' ' : *s, out);
		}
	}
}

static void label(FILE *out, double x, double y, const char *how, const char *s)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\"%s>", x, y, how);
	text(out, s);
	fputs("</text>\n", out);
}

/* ---- axes ---- */

static double scaled(enum svg_scale scale, double v)
{
	if (scale == SVG_LOG) {
		return log10(v);
	}
	return scale == SVG_NINES ? -log10(1.0 - v) : v;
}

static double at(const struct axis *a, double v)
{
	double low = scaled(a->scale, a->low), high = scaled(a->scale, a->high);

	return (scaled(a->scale, v) - low) / (high - low);
}

static unsigned linear_ticks(double low, double high, double tick[SVG_TICKS])
{
	double raw = (high - low) / 6.0, unit = pow(10.0, floor(log10(raw))), step;
	unsigned n = 0;

	step = raw <= unit	   ? unit
	       : raw <= 2.0 * unit ? 2.0 * unit
	       : raw <= 5.0 * unit ? 5.0 * unit
				   : 10.0 * unit;
	for (double k = ceil(low / step - 1e-9); k * step <= high + 1e-9 * step && n < SVG_TICKS;
	     k++) {
		tick[n++] = k * step + 0.0; /* no -0 */
	}
	return n;
}

/* 1, 2, 5, 10 ...; with many decades the powers of ten, or of some powers of it, only */
static unsigned log_ticks(double low, double high, double tick[SVG_TICKS])
{
	static const double part[] = { 1.0, 2.0, 5.0 };
	double decades = log10(high) - log10(low);
	unsigned parts = decades <= 4.0 ? 3 : 1, n = 0;
	int step = decades <= 12.0 ? 1 : (int)ceil(decades / 12.0);

	for (int e = (int)floor(log10(low) + 1e-9); e <= (int)ceil(log10(high)); e += step) {
		for (unsigned i = 0; i < parts; i++) {
			double v = part[i] * pow(10.0, e);

			if (v >= low * (1.0 - 1e-9) && v <= high * (1.0 + 1e-9) && n < SVG_TICKS) {
				tick[n++] = v;
			}
		}
	}
	return n;
}

static unsigned nines_ticks(double low, double high, double tick[SVG_TICKS])
{
	static const double all[] = { 0.0,    0.5,     0.9,	 0.99,	   0.999,
				      0.9999, 0.99999, 0.999999, 0.9999999 };
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] >= low && all[i] <= high) {
			tick[n++] = all[i];
		}
	}
	return n;
}

unsigned svg_ticks(enum svg_scale scale, double low, double high, double tick[SVG_TICKS])
{
	unsigned n = 0;

	if (scale == SVG_LOG) {
		n = log_ticks(low, high, tick);
	} else if (scale == SVG_NINES) {
		n = nines_ticks(low, high, tick);
	} else {
		n = linear_ticks(low, high, tick);
	}
	if (n < 2) { /* the values are close to each other: the ends will do */
		tick[0] = low;
		tick[1] = high;
		n = 2;
	}
	return n;
}

const char *svg_label(enum svg_scale scale, double v, char out[32])
{
	double size = fabs(v);

	if (scale == SVG_NINES) {
		snprintf(out, 32, "%.7g %%", v * 100.0);
	} else if (size >= 1e9) {
		snprintf(out, 32, "%.4gG", v / 1e9);
	} else if (size >= 1e6) {
		snprintf(out, 32, "%.4gM", v / 1e6);
	} else if (size >= 1e4) {
		snprintf(out, 32, "%.4gk", v / 1e3);
	} else {
		snprintf(out, 32, "%.4g", v);
	}
	return out;
}

static bool usable(enum svg_scale scale, double v)
{
	return isfinite(v) && (scale != SVG_LOG || v > 0.0) && (scale != SVG_NINES || v < 1.0);
}

static void widen(struct axis *a, double v)
{
	if (usable(a->scale, v)) {
		a->low = v < a->low ? v : a->low;
		a->high = v > a->high ? v : a->high;
	}
}

static void fit(const struct svg_chart *c, struct axis *x, struct axis *y)
{
	struct axis *both[2] = { x, y };

	*x = (struct axis){ c->x_scale, INFINITY, -INFINITY };
	*y = (struct axis){ c->y_scale, INFINITY, -INFINITY };
	for (unsigned i = 0; i < c->lines; i++) {
		const struct svg_line *l = &c->line[i];

		for (unsigned k = 0; k < l->n; k++) {
			widen(x, l->x[k]);
			widen(y, l->y[k]);
			if (l->low && l->high) {
				widen(y, l->low[k]);
				widen(y, l->high[k]);
			}
		}
	}
	for (unsigned i = 0; i < 2; i++) {
		struct axis *a = both[i];

		if (a->low > a->high) { /* no point at all */
			a->low = a->high = a->scale == SVG_LINEAR ? 0.0 : 0.5;
		}
		a->low = a->scale == SVG_LOG ? a->low : a->low < 0.0 ? a->low : 0.0;
		if (a->scale == SVG_LINEAR && a == y) {
			a->high += 0.05 * (a->high - a->low);
		}
		if (a->low >= a->high) {
			a->high = a->scale == SVG_LOG	  ? a->low * 10.0
				  : a->scale == SVG_NINES ? 0.9
							  : 1.0;
		}
	}
}

/* ---- one chart ---- */

static void frame(FILE *out, const struct svg_chart *c, const struct axis *x, const struct axis *y)
{
	double tick[SVG_TICKS];
	char word[32];
	unsigned n;

	label(out, LEFT, TOP - 12.0, " class=\"title\"", c->title);
	n = svg_ticks(x->scale, x->low, x->high, tick);
	for (unsigned i = 0; i < n; i++) {
		double px = LEFT + W * at(x, tick[i]);

		fprintf(out,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
			px, TOP, px, TOP + H);
		label(out, px, TOP + H + 18.0, " text-anchor=\"middle\"",
		      svg_label(x->scale, tick[i], word));
	}
	n = svg_ticks(y->scale, y->low, y->high, tick);
	for (unsigned i = 0; i < n; i++) {
		double py = TOP + H * (1.0 - at(y, tick[i]));

		fprintf(out,
			"<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
			LEFT, py, LEFT + W, py);
		label(out, LEFT - 8.0, py + 4.0, " text-anchor=\"end\"",
		      svg_label(y->scale, tick[i], word));
	}
	fprintf(out,
		"<rect class=\"frame\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
		LEFT, TOP, W, H);
	label(out, LEFT + W / 2.0, TOP + H + 40.0, " text-anchor=\"middle\" class=\"axis\"",
	      c->x_title);
	fprintf(out, "<g transform=\"translate(18 %.1f) rotate(-90)\">", TOP + H / 2.0);
	label(out, 0.0, 0.0, " text-anchor=\"middle\" class=\"axis\"", c->y_title);
	fputs("</g>\n", out);
}

static void range(FILE *out, const struct svg_line *l, unsigned k, double px, const struct axis *y,
		  const char *stroke)
{
	if (l->low && l->high && usable(y->scale, l->low[k]) && usable(y->scale, l->high[k])) {
		fprintf(out,
			"<line class=\"range\" stroke=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" "
			"y2=\"%.1f\"/>\n",
			stroke, px, TOP + H * (1.0 - at(y, l->low[k])), px,
			TOP + H * (1.0 - at(y, l->high[k])));
	}
}

static void draw(FILE *out, const struct svg_line *l, const struct axis *x, const struct axis *y,
		 const char *stroke)
{
	fprintf(out, "<polyline stroke=\"%s\" points=\"", stroke);
	for (unsigned k = 0; k < l->n; k++) {
		if (usable(x->scale, l->x[k]) && usable(y->scale, l->y[k])) {
			fprintf(out, "%.2f,%.2f ", LEFT + W * at(x, l->x[k]),
				TOP + H * (1.0 - at(y, l->y[k])));
		}
	}
	fputs("\"/>\n", out);
	for (unsigned k = 0; l->marks && k < l->n; k++) {
		double px;

		if (!usable(x->scale, l->x[k]) || !usable(y->scale, l->y[k])) {
			continue;
		}
		px = LEFT + W * at(x, l->x[k]);
		range(out, l, k, px, y, stroke);
		fprintf(out, "<circle fill=\"%s\" cx=\"%.2f\" cy=\"%.2f\" r=\"3\"/>\n", stroke, px,
			TOP + H * (1.0 - at(y, l->y[k])));
	}
}

static void chart(FILE *out, const struct svg_chart *c)
{
	struct axis x, y;

	fit(c, &x, &y);
	frame(out, c, &x, &y);
	for (unsigned i = 0; i < c->lines; i++) {
		double py = TOP + 14.0 + 20.0 * i;

		draw(out, &c->line[i], &x, &y, colour[i]);
		fprintf(out,
			"<line class=\"key\" stroke=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" "
			"y2=\"%.1f\"/>\n",
			colour[i], LEFT + W + 12.0, py, LEFT + W + 36.0, py);
		label(out, LEFT + W + 42.0, py + 4.0, " class=\"legend\"", c->line[i].name);
	}
}

void svg_write(FILE *out, const struct svg_chart *c, unsigned n, const char *const *heading,
	       unsigned lines)
{
	double width = LEFT + W + RIGHT, top = 12.0 + HEADING * lines, height = top + ROW * n;

	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%.0f\" "
		"height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n"
		"<style>text { font: 12px sans-serif; fill: #222 } .title { font-weight: bold; "
		"font-size: 14px } .axis { font-size: 13px } polyline { fill: none; stroke-width: "
		"1.8 } "
		".grid { stroke: #ddd } .frame { fill: none; stroke: #444 } .range, .key { "
		"stroke-width: "
		"1.8 }</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
		width, height, width, height);
	for (unsigned i = 0; i < lines; i++) {
		label(out, 12.0, HEADING * (i + 1u), "", heading[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		fprintf(out, "<g transform=\"translate(0 %.1f)\">\n", top + ROW * i);
		chart(out, &c[i]);
		fputs("</g>\n", out);
	}
	fputs("</svg>\n", out);
}
