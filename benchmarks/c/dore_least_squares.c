/* DORE on f_i(x) = |A_i x - b_i|^2 / (2m) + reg |x|^2 / 2: one replica after the other, replicas spread over threads. */
#include "dore.h"

/* A (n, m, d), b (n, m), x (replicas, d) in and out. Returns the seconds taken, or -1 if memory ran out. */
double run(const double *A, const double *b, int64_t n, int64_t m, int64_t d, double reg, dore_t p, double *models,
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
                    v[j] = reg * x[j];
                for (int64_t row = 0; row < m; row++) {
                    const double *a = A + (i * m + row) * d;
                    double residual = 0.0;
#pragma omp simd reduction(+ : residual)
                    for (int64_t j = 0; j < d; j++)
                        residual += a[j] * x[j];
                    residual = (residual - b[i * m + row]) / m;
                    for (int64_t j = 0; j < d; j++)
                        v[j] += residual * a[j];
                }
                dore_worker(&g, &p, v, memory + i * d, sum, c, d);
            }
            dore_server(&g, &p, sum, h, e, x, v, c, d, n);
        }
        free(memory);
    }
    return failed ? -1.0 : omp_get_wtime() - start;
}
