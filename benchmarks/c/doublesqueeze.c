/* DoubleSqueeze with top-k both ways on f_i(x) = sum_j hessian_j (x_j - centre_ij)^2 / 2: workers spread over threads. */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>

/* The k-th largest of a[0..d), by quickselect with the median of three; a is permuted. */
static double kth_largest(double *a, int64_t d, int64_t k)
{
    int64_t low = 0, high = d - 1, want = k - 1;
    while (low < high) {
        double x = a[low], y = a[low + (high - low) / 2], z = a[high];
        double pivot = x < y ? (y < z ? y : (x < z ? z : x)) : (x < z ? x : (y < z ? z : y));
        int64_t i = low, j = high;
        while (i <= j) {
            while (a[i] > pivot)
                i++;
            while (a[j] < pivot)
                j--;
            if (i <= j) {
                double swap = a[i];
                a[i++] = a[j];
                a[j--] = swap;
            }
        }
        if (want <= j)
            high = j;
        else if (want >= i)
            low = i;
        else
            return a[want];
    }
    return a[want];
}

/* Move the k entries of largest magnitude from v to (index, value); size (d,) is scratch. */
static void take_top(double *v, int64_t d, int64_t k, double *size, int64_t *index, double *value)
{
    for (int64_t j = 0; j < d; j++)
        size[j] = fabs(v[j]);
    double least = kth_largest(size, d, k);
    int64_t above = 0, taken = 0;
    for (int64_t j = 0; j < d; j++)
        above += fabs(v[j]) > least;
    int64_t ties = k - above;
    for (int64_t j = 0; j < d; j++) {
        if (fabs(v[j]) > least || (fabs(v[j]) == least && ties-- > 0)) {
            index[taken] = j;
            value[taken++] = v[j];
            v[j] = 0.0;
        }
    }
}

/* centre (n, d), x (d,) in and out. Returns the seconds taken, or -1 if memory ran out. */
double run(const double *hessian, const double *centre, int64_t n, int64_t d, int64_t k_up, int64_t k_down, double gamma,
           double *x, int64_t rounds, int threads)
{
    double start = omp_get_wtime();
    int64_t k = k_up > k_down ? k_up : k_down;
    double *errors = calloc((n + 1) * d, sizeof(double)), *size = malloc(threads * d * sizeof(double));
    double *value = malloc(n * k * sizeof(double)), *e = errors + n * d;
    int64_t *index = malloc(n * k * sizeof(int64_t));
    int failed = !errors || !size || !value || !index;
    for (int64_t t = 0; t < rounds && !failed; t++) {
#pragma omp parallel for num_threads(threads) schedule(dynamic)
        for (int64_t i = 0; i < n; i++) {
            double *v = errors + i * d;
            const double *c = centre + i * d;
            for (int64_t j = 0; j < d; j++)
                v[j] += hessian[j] * (x[j] - c[j]);
            take_top(v, d, k_up, size + omp_get_thread_num() * d, index + i * k, value + i * k);
        }
        for (int64_t i = 0; i < n; i++)
            for (int64_t s = 0; s < k_up; s++)
                e[index[i * k + s]] += value[i * k + s] / n;
        take_top(e, d, k_down, size, index, value);
        for (int64_t s = 0; s < k_down; s++)
            x[index[s]] -= gamma * value[s];
    }
    free(errors);
    free(size);
    free(value);
    free(index);
    return failed ? -1.0 : omp_get_wtime() - start;
}
