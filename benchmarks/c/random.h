/* xoshiro256++ (Blackman and Vigna 2019), seeded by splitmix64; gaussians by Box and Muller. */
#ifndef RANDOM_H
#define RANDOM_H

#include <math.h>
#include <stdint.h>

typedef struct { uint64_t s[4]; } rng_t;

static inline uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static inline uint64_t rng_next(rng_t *g)
{
    uint64_t *s = g->s, result = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

static inline void rng_seed(rng_t *g, uint64_t seed, uint64_t replica)
{
    uint64_t z = (seed << 32) + replica;
    for (int i = 0; i < 4; i++) {
        uint64_t y = (z += 0x9e3779b97f4a7c15u);
        y = (y ^ (y >> 30)) * 0xbf58476d1ce4e5b9u;
        y = (y ^ (y >> 27)) * 0x94d049bb133111ebu;
        g->s[i] = y ^ (y >> 31);
    }
}

/* uniform in [0, 1) */
static inline double rng_uniform(rng_t *g) { return (double)(rng_next(g) >> 11) * 0x1p-53; }

/* v[j] += sd * (standard gaussian) */
static inline void rng_add_gaussians(rng_t *g, double *v, int64_t d, double sd)
{
    for (int64_t j = 0; j < d; j += 2) {
        double radius = sd * sqrt(-2.0 * log(1.0 - rng_uniform(g)));
        double angle = 2.0 * 3.14159265358979323846 * rng_uniform(g);
        v[j] += radius * cos(angle);
        if (j + 1 < d)
            v[j + 1] += radius * sin(angle);
    }
}

#endif
