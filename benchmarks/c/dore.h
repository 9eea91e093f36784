/* DORE for one replica: what the two dore_*.c have in common. */
#ifndef DORE_H
#define DORE_H

#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"

typedef struct { double gamma, alpha, beta, eta; int64_t block_up, block_down; } dore_t;

/* Ternary quantisation, linf norm, in blocks: c_j = s sign(v_j) with probability |v_j| / s, s = max |v_j| of the block. */
static void ternary(rng_t *g, const double *restrict v, double *restrict c, int64_t d, int64_t block)
{
    for (int64_t low = 0; low < d; low += block) {
        int64_t high = low + block < d ? low + block : d;
        double scale = 0.0;
        for (int64_t j = low; j < high; j++)
            scale = fabs(v[j]) > scale ? fabs(v[j]) : scale;
        for (int64_t j = low; j < high; j++)
            c[j] = rng_uniform(g) * scale < fabs(v[j]) ? copysign(scale, v[j]) : 0.0;
    }
}

/* Worker: given its gradient in v, compress v - h_i, update h_i, add the message to sum; c is scratch. */
static void dore_worker(rng_t *g, const dore_t *p, double *restrict v, double *restrict h, double *restrict sum,
                        double *restrict c, int64_t d)
{
    for (int64_t j = 0; j < d; j++)
        v[j] -= h[j];
    ternary(g, v, c, d, p->block_up);
    for (int64_t j = 0; j < d; j++) {
        h[j] += p->alpha * c[j];
        sum[j] += c[j];
    }
}

/* Server and everyone: given the sum of the messages, move x; v and c are scratch. */
static void dore_server(rng_t *g, const dore_t *p, const double *restrict sum, double *restrict h, double *restrict e,
                        double *restrict x, double *restrict v, double *restrict c, int64_t d, int64_t n)
{
    for (int64_t j = 0; j < d; j++) {
        double mean = sum[j] / n;
        v[j] = -p->gamma * (h[j] + mean) + p->eta * e[j];
        h[j] += p->alpha * mean;
    }
    ternary(g, v, c, d, p->block_down);
    for (int64_t j = 0; j < d; j++) {
        e[j] = v[j] - c[j];
        x[j] += p->beta * c[j];
    }
}

#endif
