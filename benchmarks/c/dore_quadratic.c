/* DORE on f_i(x) = sum_j hessian_j (x_j - centre_ij)^2 / 2 with gaussian noise: replicas spread over threads. */
#include "dore.h"

/* centre (n, d), x (replicas, d) in and out, sd per coordinate. Returns the seconds taken, or -1 if memory ran out. */
double run(const double *hessian, const double *centre, int64_t n, int64_t d, double sd, dore_t p, double *models,
           int64_t replicas, int64_t rounds, uint64_t seed, int threads)
{
    double start = omp_get_wtime();
    int failed = 0;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int64_t r = 0; r < replicas; r++) {
        double *x = models + r * d, *memory = calloc((n + 5) * d, sizeof(double));
        if (!memory) {
            failed = 1;
            continue;
        }
        double *h = memory + n * d, *e = h + d, *sum = e + d, *v = sum + d, *c = v + d;
        rng_t g;
        rng_seed(&g, seed, r);
        for (int64_t t = 0; t < rounds; t++) {
            memset(sum, 0, d * sizeof(double));
            for (int64_t i = 0; i < n; i++) {
                for (int64_t j = 0; j < d; j++)
                    v[j] = hessian[j] * (x[j] - centre[i * d + j]);
                rng_add_gaussians(&g, v, d, sd);
                dore_worker(&g, &p, v, memory + i * d, sum, c, d);
            }
            dore_server(&g, &p, sum, h, e, x, v, c, d, n);
        }
        free(memory);
    }
    return failed ? -1.0 : omp_get_wtime() - start;
}
