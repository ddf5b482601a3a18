// The functions of complex numbers that wine's ucrtbase.dll lacks and NumPy calls as it is
// imported. Microsoft's C passes the numbers as structures of two parts. A long double is a double
// there.
#include <complex.h>

typedef struct {
  float real, imaginary;
} FloatComplex;
typedef struct {
  double real, imaginary;
} DoubleComplex;

static float complex float_in(FloatComplex z) { return z.real + z.imaginary * I; }
static double complex double_in(DoubleComplex z) { return z.real + z.imaginary * I; }
static FloatComplex float_out(float complex z) { return (FloatComplex){crealf(z), cimagf(z)}; }
static DoubleComplex double_out(double complex z) { return (DoubleComplex){creal(z), cimag(z)}; }

#define REAL_RESULT(name)                                              \
  float own_##name##f(FloatComplex z) { return name##f(float_in(z)); } \
  double own_##name(DoubleComplex z) { return name(double_in(z)); }    \
  double own_##name##l(DoubleComplex z) { return name(double_in(z)); }

#define COMPLEX_RESULT(name)                                                             \
  FloatComplex own_##name##f(FloatComplex z) { return float_out(name##f(float_in(z))); } \
  DoubleComplex own_##name(DoubleComplex z) { return double_out(name(double_in(z))); }   \
  DoubleComplex own_##name##l(DoubleComplex z) { return double_out(name(double_in(z))); }

REAL_RESULT(cabs)
REAL_RESULT(carg)
REAL_RESULT(cimag)
REAL_RESULT(creal)
COMPLEX_RESULT(cacos)
COMPLEX_RESULT(cacosh)
COMPLEX_RESULT(casin)
COMPLEX_RESULT(casinh)
COMPLEX_RESULT(catan)
COMPLEX_RESULT(catanh)
COMPLEX_RESULT(ccos)
COMPLEX_RESULT(ccosh)
COMPLEX_RESULT(cexp)
COMPLEX_RESULT(clog)
COMPLEX_RESULT(conj)
COMPLEX_RESULT(cproj)
COMPLEX_RESULT(csin)
COMPLEX_RESULT(csinh)
COMPLEX_RESULT(csqrt)
COMPLEX_RESULT(ctan)
COMPLEX_RESULT(ctanh)

FloatComplex own_cpowf(FloatComplex base, FloatComplex power) {
  return float_out(cpowf(float_in(base), float_in(power)));
}
DoubleComplex own_cpow(DoubleComplex base, DoubleComplex power) {
  return double_out(cpow(double_in(base), double_in(power)));
}
DoubleComplex own_cpowl(DoubleComplex base, DoubleComplex power) { return own_cpow(base, power); }
