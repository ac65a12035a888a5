/* The workloads' derivatives as one would write them by hand for speed: the limit that compiled.py measures against.
   Arrays are contiguous doubles in C order; g is the result. */
#include <math.h>
#include <string.h>

#define R restrict
#define TILE 256

/* ---- logit: passes over tiles that stay in the first cache, each simple enough for the vectoriser */

static inline __attribute__((always_inline)) double logit(const double *R b, const unsigned char *R y, const double *R X,
                                                          long n, const int k, double *R g, const int with_value) {
  double sums[32] = {0}, value = 0, z[TILE], r[TILE], q[TILE];
  for (long start = 0; start < n; start += TILE) {
    const int m = n - start < TILE ? (int)(n - start) : TILE;
    const double *R x = X + start * k;
    const unsigned char *R label = y + start;
    for (int i = 0; i < m; i++) {
      double dot = 0;
      for (int j = 0; j < k; j++) dot += x[i * k + j] * b[j];
      z[i] = dot;
    }
    for (int i = 0; i < m; i++) z[i] = exp(-z[i]);
    for (int i = 0; i < m; i++) {
      const double p = 1 / (1 + z[i]), one = label[i] ? 1.0 : 0.0;
      q[i] = one != 0 ? p : 1 - p;
      r[i] = one - p;
    }
    if (with_value)
      for (int i = 0; i < m; i++) value += log(q[i]);
    for (int i = 0; i < m; i++)
      for (int j = 0; j < k; j++) sums[j] += x[i * k + j] * r[i];
  }
  for (int j = 0; j < k; j++) g[j] = sums[j];
  return value;
}

double logit3(const double *b, const unsigned char *y, const double *X, long n, double *g) { return logit(b, y, X, n, 3, g, 1); }
double logit30(const double *b, const unsigned char *y, const double *X, long n, double *g) { return logit(b, y, X, n, 30, g, 1); }
double logit3_gradient(const double *b, const unsigned char *y, const double *X, long n, double *g) {
  return logit(b, y, X, n, 3, g, 0);
}

/* ---- Rosenbrock: each entry of the gradient from its neighbours, so that nothing is written twice */

double rosenbrock(const double *R x, long n, double *R g) {
  double t = x[1] - x[0] * x[0], o = 1 - x[0], value = 100 * t * t + o * o;
  g[0] = -400 * t * x[0] - 2 * o;
  for (long i = 1; i < n - 1; i++) {
    const double a = x[i], before = x[i - 1], u = x[i + 1] - a * a, v = 1 - a;
    value += 100 * u * u + v * v;
    g[i] = 200 * (a - before * before) - 400 * u * a - 2 * v;
  }
  g[n - 1] = 200 * (x[n - 1] - x[n - 2] * x[n - 2]);
  return value;
}

void rosenbrock_hvp(const double *R x, const double *R t, long n, double *R h) {
  h[0] = (1200 * x[0] * x[0] - 400 * x[1] + 2) * t[0] - 400 * x[0] * t[1];
  for (long i = 1; i < n - 1; i++)
    h[i] = (1200 * x[i] * x[i] - 400 * x[i + 1] + 202) * t[i] - 400 * x[i] * t[i + 1] - 400 * x[i - 1] * t[i - 1];
  h[n - 1] = 200 * t[n - 1] - 400 * x[n - 2] * t[n - 2];
}

/* ---- the network: two matrix products of BLAS (in its column order), one pass between them */

typedef void (*dgemm_t)(char *, char *, int *, int *, int *, double *, double *, int *, double *, int *, double *, double *, int *);

double mlp(const double *R theta, const double *R X, const double *R target, long rows, long inputs, long width, double *R g,
           double *R hidden, double *R back, dgemm_t dgemm) {
  int batch = (int)rows, d = (int)inputs, h = (int)width;
  const double *W1 = theta, *b1 = theta + d * h, *w2 = b1 + h, b2 = w2[h];
  double *gW1 = g, *gb1 = g + d * h, *gw2 = gb1 + h, gb2 = 0, value = 0, one = 1, zero = 0;
  dgemm("N", "N", &h, &batch, &d, &one, (double *)W1, &h, (double *)X, &d, &zero, hidden, &h);
  memset(gb1, 0, 2 * h * sizeof(double));
  for (int i = 0; i < batch; i++) {
    double out = b2, *R row = hidden + i * h, *R back_row = back + i * h;
    for (int j = 0; j < h; j++) row[j] = tanh(row[j] + b1[j]);
    for (int j = 0; j < h; j++) out += row[j] * w2[j];
    const double r = out - target[i], seed = 2 * r / batch;
    value += r * r;
    gb2 += seed;
    for (int j = 0; j < h; j++) {
      gw2[j] += seed * row[j];
      back_row[j] = seed * w2[j] * (1 - row[j] * row[j]);
      gb1[j] += back_row[j];
    }
  }
  gw2[h] = gb2;
  dgemm("N", "T", &h, &d, &batch, &one, back, &h, (double *)X, &d, &zero, gW1, &h);
  return value / batch;
}

/* ---- Gaussian mixture (d = 10, k = 25): four points at a time, sums kept per lane to the end */

#define D 10
#define K 25
typedef double v4 __attribute__((vector_size(32), aligned(8)));

static inline double total(v4 a) {
  double sum = 0;
  for (int l = 0; l < 4; l++) sum += a[l];
  return sum;
}

double gmm(const double *R theta, const double *R x, long n, double *R g) {
  const double *alpha = theta, *mean = alpha + K, *diagonal = mean + K * D, *L = diagonal + K * D;
  static double Q[K][D][D], c[K];
  static v4 gQ[K][D][D], gmean[K][D], weight[K], Qx[K][D], inner[K];
  memset(gQ, 0, sizeof gQ);
  memset(gmean, 0, sizeof gmean);
  memset(weight, 0, sizeof weight);
  for (int k = 0; k < K; k++) {
    c[k] = alpha[k];
    for (int i = 0; i < D; i++) {
      c[k] += diagonal[k * D + i];
      for (int j = 0; j < D; j++) Q[k][i][j] = j < i ? L[(k * D + i) * D + j] : i == j ? exp(diagonal[k * D + i]) : 0;
    }
  }
  double value = 0;
  for (long start = 0; start < n; start += 4) {
    v4 point[D], present, largest, sum = {0};
    for (int l = 0; l < 4; l++) {
      const long i = start + l < n ? start + l : n - 1;
      present[l] = start + l < n;
      largest[l] = -1e300;
      for (int j = 0; j < D; j++) point[j][l] = x[i * D + j];
    }
    for (int k = 0; k < K; k++) {
      v4 centred[D], squares = {0};
      for (int j = 0; j < D; j++) centred[j] = point[j] - mean[k * D + j];
      for (int i = 0; i < D; i++) {
        v4 a = {0};
        for (int j = 0; j <= i; j++) a += Q[k][i][j] * centred[j];
        Qx[k][i] = a;
        squares += a * a;
      }
      inner[k] = c[k] - 0.5 * squares;
      for (int l = 0; l < 4; l++) largest[l] = inner[k][l] > largest[l] ? inner[k][l] : largest[l];
    }
    for (int k = 0; k < K; k++) {
      inner[k] -= largest;
      double *lanes = (double *)&inner[k];
      for (int l = 0; l < 4; l++) lanes[l] = exp(lanes[l]);
      sum += inner[k];
    }
    const v4 scale = present / sum;
    for (int l = 0; l < 4; l++) value += present[l] * (log(sum[l]) + largest[l]);
    for (int k = 0; k < K; k++) {
      const v4 w = inner[k] * scale;
      v4 centred[D], back[D];
      weight[k] += w;
      for (int j = 0; j < D; j++) {
        centred[j] = point[j] - mean[k * D + j];
        back[j] = (v4){0};
      }
      for (int i = 0; i < D; i++) {
        const v4 seed = -w * Qx[k][i];
        for (int j = 0; j <= i; j++) {
          back[j] += Q[k][i][j] * seed;
          gQ[k][i][j] += seed * centred[j];
        }
      }
      for (int j = 0; j < D; j++) gmean[k][j] -= back[j];
    }
  }
  double largest = alpha[0], sum = 0;
  for (int k = 1; k < K; k++) largest = alpha[k] > largest ? alpha[k] : largest;
  for (int k = 0; k < K; k++) sum += exp(alpha[k] - largest);
  value -= n * (log(sum) + largest);
  for (int k = 0; k < K; k++) {
    const double w = total(weight[k]);
    g[k] = w - n * exp(alpha[k] - largest) / sum;
    for (int i = 0; i < D; i++) {
      const double e = Q[k][i][i];
      value += 0.5 * e * e - diagonal[k * D + i];
      g[K + k * D + i] = total(gmean[k][i]);
      g[K + K * D + k * D + i] = w + total(gQ[k][i][i]) * e + e * e - 1;
      for (int j = 0; j < D; j++) {
        const double l = j < i ? L[(k * D + i) * D + j] : 0;
        value += 0.5 * l * l;
        g[K + 2 * K * D + (k * D + i) * D + j] = j < i ? total(gQ[k][i][j]) + l : 0;
      }
    }
  }
  return value;
}

/* ---- Brusselator: the pullback of w by the periodic five-point stencil and the reaction */

static inline __attribute__((always_inline)) void cell(const double *R u, const double *R v, const double *R a, const double *R b,
                                                       double *R gu, double *R gv, long up, long down, long row, long j,
                                                       long left, long right, double diffusion) {
  const double la = a[up + j] + a[down + j] + a[row + left] + a[row + right] - 4 * a[row + j];
  const double lb = b[up + j] + b[down + j] + b[row + left] + b[row + right] - 4 * b[row + j];
  const double U = u[row + j], V = v[row + j], A = a[row + j], B = b[row + j];
  gu[row + j] = diffusion * la + 2 * U * V * (A - B) - 4.4 * A + 3.4 * B;
  gv[row + j] = diffusion * lb + U * U * (A - B);
}

void brusselator(const double *R uv, const double *R w, long n, double *R g) {
  const double diffusion = 10.0 * (n - 1.0) * (n - 1.0) / 1e3;
  const long m = n * n;
  for (long i = 0; i < n; i++) {
    const long up = (i ? i - 1 : n - 1) * n, down = (i < n - 1 ? i + 1 : 0) * n, row = i * n;
    cell(uv, uv + m, w, w + m, g, g + m, up, down, row, 0, n - 1, 1, diffusion);
    for (long j = 1; j < n - 1; j++) cell(uv, uv + m, w, w + m, g, g + m, up, down, row, j, j - 1, j + 1, diffusion);
    cell(uv, uv + m, w, w + m, g, g + m, up, down, row, n - 1, n - 2, 0, diffusion);
  }
}

/* ---- Euler's method: the states of all steps are kept for the way back */

double euler(const double *R start, long steps, double *R g) {
  double a = start[0], b = start[1], c = start[2], d = start[3], kept[1024][3];
  const double dt = 0.001;
  for (int i = 0; i < steps; i++) {
    const double ab = a * b, s = sin(c);
    kept[i][0] = a;
    kept[i][1] = b;
    kept[i][2] = cos(c);
    const double na = a + dt * (1.5 * a - ab), nb = b + dt * (ab - 3 * b + 0.1 * d);
    const double nc = c + dt * d, nd = d + dt * (-9.81 * s - 0.2 * d + 0.05 * a);
    a = na, b = nb, c = nc, d = nd;
  }
  double ga = 2 * a, gb = 2 * b, gc = 2 * c, gd = 2 * d;
  const double value = a * a + b * b + c * c + d * d;
  for (int i = steps - 1; i >= 0; i--) {
    const double both = dt * (gb - ga);
    const double na = ga + dt * (1.5 * ga + 0.05 * gd) + both * kept[i][1], nb = gb - dt * 3 * gb + both * kept[i][0];
    const double nc = gc - dt * 9.81 * kept[i][2] * gd, nd = gd + dt * (0.1 * gb + gc - 0.2 * gd);
    ga = na, gb = nb, gc = nc, gd = nd;
  }
  g[0] = ga, g[1] = gb, g[2] = gc, g[3] = gd;
  return value;
}
