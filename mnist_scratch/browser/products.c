/* Matrix products for a NumPy without BLAS, as in a web page: the inner loops of np.matmul for float32 and float64; and
of exp, tanh and maximum, whose own loops are slow there, too.

tools/products.py builds products.wasm from it; it compiles for any machine, too, and is tested there.

How it is fast. A tile of the product, 4 rows and 2 vectors, is summed up in 8 registers: for each step along the depth k,
2 vectors of the right matrix and 4 numbers of the left one are loaded, for 8 vector products. What a tile reads lies
close together: the matrices are cut into blocks, and blocks are copied ("packed") so that a tile reads on and on in one
direction. Vectors, and matrices of few rows or columns, are read where they lie.

What NumPy promises (np.matmul is a generalized ufunc):
- every index below the sizes may be read, and written in the product, at the given strides, and nothing else. A stride
  is in bytes; it may be negative, zero, or no multiple of a number's size; numbers may lie at any address. So every
  type below has an alignment of 1. A stride along a size of 1 may be anything: it is
  multiplied by 0, or added after the last number, where it may wrap around (-fwrapv) and nothing is read.
- where the product would overlap a matrix, as with out=, NumPy hands over copies.
Sizes may be 0. No array, not even one that repeats the same memory, has more bytes than there are addresses: an index,
also a block beyond the last, times a number's size is far from an overflow. Sizes of NumPy's are never multiplied with
each other, only those of blocks.

There is one thread in a page, so one work space will do: do not call this from two threads at a time. */

#ifndef T /* once for all; the rest of this file is included from here, once for each type */

typedef __INTPTR_TYPE__ intp; /* NumPy's npy_intp */

enum {
    BYTES = 16,   /* of a vector */
    ROWS = 4,     /* of a tile */
    VECTORS = 2,  /* of a tile's row */
    DEPTH = 2048, /* at most so many bytes are one row of a block deep: 512 or 256 numbers */
    WIDE = 256,   /* columns of a block of the right matrix, a multiple of any tile's */
    HIGH = 64,    /* rows of a block of the left matrix, a multiple of ROWS */
    FEW = 16,     /* so many rows or columns do not pay for packing the other matrix */
    SPARE = ROWS * VECTORS * BYTES, /* a tile that does not fit into the product goes here first */
    WORK = SPARE + (WIDE + HIGH) * DEPTH
};

#ifdef __wasm__
__attribute__((import_module("env"), import_name("malloc")))
#endif
void *malloc(__SIZE_TYPE__); /* in a page, that of Python */

static char *work; /* WORK bytes: the spare tile, a block of the right matrix, a block of the left one */

static inline intp min(intp a, intp b) { return a < b ? a : b; }

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define NAME(name) JOIN(name, T) /* a function's or type's own name for each type: tile_float */
#define AT(pointer, bytes) (*(NUMBER *)((pointer) + (bytes)))
#define VECTOR_AT(pointer, bytes) (*(VECTOR *)((pointer) + (bytes)))
#define LOOP(name) /* what NumPy calls */                                                                              \
    __attribute__((visibility("default"))) void NAME(name)(char **args, const intp *sizes, const intp *strides,        \
                                                           void *data)
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#ifdef __clang__ /* sums stay in registers only if no loop is left around them */
#define UNROLLED _Pragma("clang loop unroll(full)")
#define NOT_UNROLLED _Pragma("clang loop unroll(disable)") /* there are not enough registers for two steps */
#else
#define UNROLLED
#define NOT_UNROLLED
#endif

/* Of LANES vectors of LANES numbers, the first numbers become the first vector, and so on */
#define WHOLE_float __INT32_TYPE__
#define WHOLE_double __INT64_TYPE__
#ifdef __clang__
#define SHUFFLE __builtin_shufflevector
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (PLACES){__VA_ARGS__})
#endif
#define TRANSPOSE_float(v)                                                                                             \
    do {                                                                                                               \
        VECTOR a = SHUFFLE(v[0], v[1], 0, 4, 1, 5), b = SHUFFLE(v[2], v[3], 0, 4, 1, 5);                               \
        VECTOR c = SHUFFLE(v[0], v[1], 2, 6, 3, 7), d = SHUFFLE(v[2], v[3], 2, 6, 3, 7);                               \
        v[0] = SHUFFLE(a, b, 0, 1, 4, 5), v[1] = SHUFFLE(a, b, 2, 3, 6, 7);                                            \
        v[2] = SHUFFLE(c, d, 0, 1, 4, 5), v[3] = SHUFFLE(c, d, 2, 3, 6, 7);                                            \
    } while (0)
#define TRANSPOSE_double(v)                                                                                            \
    do {                                                                                                               \
        VECTOR a = SHUFFLE(v[0], v[1], 0, 2), b = SHUFFLE(v[0], v[1], 1, 3);                                           \
        v[0] = a, v[1] = b;                                                                                            \
    } while (0)

static const double INVERSE_FACTORIAL[] = {1.0,         1.0,          1.0 / 2,         1.0 / 6,          1.0 / 24,
                                           1.0 / 120,   1.0 / 720,    1.0 / 5040,      1.0 / 40320,      1.0 / 362880,
                                           1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};

#define T float
#define EPSILON 0x1p-23 /* from 1 to the next number */
#define MANTISSA 23     /* its bits */
#define BIAS 127        /* of the exponent */
#define LN2_HIGH 0x1.63p-1 /* so few bits that n times it is exact */
#define LN2_LOW -0x1.bd0105c610ca8p-13
#define TERMS 7 /* the next one, (ln 2 / 2)^8 / 8!, is less than a tenth of EPSILON */
#define EXP_MOST 89
#define EXP_LEAST -105
#include "products.c"
#undef T
#define T double
#define EPSILON 0x1p-52
#define MANTISSA 52
#define BIAS 1023
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define TERMS 13
#include "products.c"

#else /* --------------------------------------------------------------------------------------- for each type */

#define NUMBER NAME(number)
#define VECTOR NAME(vector)
#define PLACES NAME(places)
#define SIZE ((intp)sizeof(T))
#define LANES (BYTES / SIZE)
#define COLUMNS (VECTORS * LANES)
#define DEEP (DEPTH / SIZE)

typedef T NUMBER __attribute__((aligned(1), may_alias));
typedef T VECTOR __attribute__((vector_size(BYTES), aligned(1), may_alias));
typedef NAME(WHOLE) PLACES __attribute__((vector_size(BYTES))); /* whole numbers of the same size */

/* Copy a block into panels: `step` lines side by side, a number of each for each of `deep` steps, panel after panel.

`lines` lines exist; the last panel is filled up with 0. Written are ceil(lines / step) * step * deep numbers: with
deep <= DEEP, at most HIGH * DEPTH or WIDE * DEPTH bytes, as HIGH and WIDE are multiples of `step`. Read is line j,
step p for j < lines, p < deep: a vector of lines where all of them exist and lie side by side, a vector of steps where
LANES are left and lie side by side. */
ALWAYS_INLINE void NAME(pack)(const int step, char *to, const char *from, intp line, intp along, intp lines, intp deep) {
    for (intp j = 0; j < lines; j += step) {
        const char *panel = from + j * line;
        if (j + step > lines) {
            for (intp p = 0; p < deep; p++, to += step * SIZE)
                for (intp c = 0; c < step; c++) AT(to, c * SIZE) = j + c < lines ? AT(panel, c * line + p * along) : 0;
        } else if (line == SIZE) {
            for (intp p = 0; p < deep; p++, to += step * SIZE)
                UNROLLED for (int v = 0; v < step / LANES; v++)
                    VECTOR_AT(to, v * BYTES) = VECTOR_AT(panel, p * along + v * BYTES);
        } else {
            intp p = 0;
            for (; along == SIZE && deep - p >= LANES; p += LANES, to += LANES * step * SIZE)
                UNROLLED for (int c = 0; c < step; c += LANES) {
                    VECTOR v[LANES];
                    UNROLLED for (int l = 0; l < LANES; l++) v[l] = VECTOR_AT(panel, (c + l) * line + p * SIZE);
                    NAME(TRANSPOSE)(v);
                    UNROLLED for (int l = 0; l < LANES; l++) VECTOR_AT(to, (l * step + c) * SIZE) = v[l];
                }
            for (; p < deep; p++, to += step * SIZE)
                UNROLLED for (int c = 0; c < step; c++) AT(to, c * SIZE) = AT(panel, c * line + p * along);
        }
    }
}

static void NAME(pack_left)(char *to, const char *from, intp line, intp along, intp lines, intp deep) {
    NAME(pack)(ROWS, to, from, line, along, lines, deep);
}

static void NAME(pack_right)(char *to, const char *from, intp line, intp along, intp lines, intp deep) {
    NAME(pack)(COLUMNS, to, from, line, along, lines, deep);
}

/* Put, or add, the spare tile to `out`: of its rows, which lie `row` bytes apart, as many columns as exist */
static void NAME(put)(char *out, intp out_row, intp out_column, intp rows, intp columns, intp row, int add) {
    for (intp i = 0; i < rows; i++)
        for (intp j = 0; j < columns; j++) {
            NUMBER *to = &AT(out, i * out_row + j * out_column);
            T sum = AT(work, i * row + j * SIZE);
            *to = add ? *to + sum : sum;
        }
}

/* Sum up a tile of `rows` rows and `vectors` vectors, of which `columns` columns exist, and put it, or add it, to out.

At step p < deep are read: the numbers 0 to rows - 1 side by side at left + p * left_step, and all vectors side by side at
right + p * right_step. (After the last step both pointers stand one step further; nothing is read there.) Written
are the rows and the columns that exist: whole vectors only if all exist and lie side by side. */
ALWAYS_INLINE void NAME(tile)(const int rows, const int vectors, const char *left, intp left_step, const char *right,
                              intp right_step, intp deep, char *out, intp out_row, intp out_column, intp columns,
                              int add) {
    VECTOR sums[ROWS][8];
    UNROLLED for (int i = 0; i < rows; i++)
        UNROLLED for (int v = 0; v < vectors; v++) sums[i][v] = (VECTOR){0};
    NOT_UNROLLED for (intp p = 0; p < deep; p++, left += left_step, right += right_step) {
        VECTOR b[8];
        UNROLLED for (int v = 0; v < vectors; v++) b[v] = VECTOR_AT(right, v * BYTES);
        UNROLLED for (int i = 0; i < rows; i++) {
            T a = AT(left, i * SIZE);
            UNROLLED for (int v = 0; v < vectors; v++) sums[i][v] += a * b[v];
        }
    }
    if (columns == vectors * LANES && out_column == SIZE) {
        UNROLLED for (int i = 0; i < rows; i++)
            UNROLLED for (int v = 0; v < vectors; v++) {
                char *to = out + i * out_row + v * BYTES;
                if (add) sums[i][v] += VECTOR_AT(to, 0);
                VECTOR_AT(to, 0) = sums[i][v];
            }
    } else { /* rows * vectors <= ROWS * VECTORS in every tile below: it fits into SPARE */
        UNROLLED for (int i = 0; i < rows; i++)
            UNROLLED for (int v = 0; v < vectors; v++) VECTOR_AT(work, (i * vectors + v) * BYTES) = sums[i][v];
        NAME(put)(out, out_row, out_column, rows, columns, vectors * BYTES, add);
    }
}

#define TILE(rows, vectors)                                                                                            \
    static void NAME(tile_##rows##_##vectors)(const char *left, intp left_step, const char *right, intp right_step,    \
                                              intp deep, char *out, intp out_row, intp out_column, intp columns,       \
                                              int add) {                                                               \
        NAME(tile)(rows, vectors, left, left_step, right, right_step, deep, out, out_row, out_column, columns, add);   \
    }
TILE(4, 2)
TILE(4, 1)
TILE(2, 4)
TILE(1, 8)
TILE(1, 2)
#undef TILE

/* The sums of products of `rows` lines with a vector, all side by side along k; `parts` sums are kept for each line.

Read are steps p < k: vectors while as many numbers are left, then single numbers. */
ALWAYS_INLINE void NAME(dots)(const int rows, const int parts, const char *lines, intp line, const char *vector, intp k,
                              char *out, intp out_line) {
    VECTOR sums[ROWS][4];
    intp p = 0, step = parts * LANES;
    UNROLLED for (int i = 0; i < rows; i++)
        UNROLLED for (int v = 0; v < parts; v++) sums[i][v] = (VECTOR){0};
    NOT_UNROLLED for (; k - p >= step; p += step)
        UNROLLED for (int v = 0; v < parts; v++) {
            VECTOR b = VECTOR_AT(vector, p * SIZE + v * BYTES);
            UNROLLED for (int i = 0; i < rows; i++)
                sums[i][v] += VECTOR_AT(lines, i * line + p * SIZE + v * BYTES) * b;
        }
    UNROLLED for (int i = 0; i < rows; i++) {
        UNROLLED for (int v = 1; v < parts; v++) sums[i][0] += sums[i][v];
        T sum = 0;
        UNROLLED for (int c = 0; c < LANES; c++) sum += sums[i][0][c];
        for (intp q = p; q < k; q++) sum += AT(lines, i * line + q * SIZE) * AT(vector, q * SIZE);
        AT(out, i * out_line) = sum;
    }
}

/* A matrix, whose rows lie side by side along k, times such a vector */
static void NAME(matrix_vector)(const char *lines, intp line, const char *vector, intp m, intp k, char *out,
                                intp out_line) {
    intp i = 0;
    for (; m - i >= ROWS; i += ROWS)
        NAME(dots)(ROWS, 1, lines + i * line, line, vector, k, out + i * out_line, out_line);
    for (; i < m; i++) NAME(dots)(1, 4, lines + i * line, line, vector, k, out + i * out_line, out_line);
}

/* The definition: for tiny products, for a sum of nothing, and when there is no memory to work in */
static void NAME(plain)(const char *a, const char *b, char *out, intp m, intp k, intp n, intp a_row, intp a_column,
                        intp b_row, intp b_column, intp out_row, intp out_column) {
    for (intp i = 0; i < m; i++)
        for (intp j = 0; j < n; j++) {
            T sum = 0;
            for (intp p = 0; p < k; p++)
                sum += AT(a, i * a_row + p * a_column) * AT(b, p * b_row + j * b_column);
            AT(out, i * out_row + j * out_column) = sum;
        }
}

/* out = a @ b, of (m, k) and (k, n) */
static void NAME(product)(const char *a, const char *b, char *out, intp m, intp k, intp n, intp a_row, intp a_column,
                          intp b_row, intp b_column, intp out_row, intp out_column) {
    int tiny = k == 0 || (m <= ROWS && k <= ROWS && n <= ROWS);
    if (!tiny && !work) work = malloc(WORK); /* kept for ever */
    if (tiny || !work) {
        NAME(plain)(a, b, out, m, k, n, a_row, a_column, b_row, b_column, out_row, out_column);
        return;
    }
    if (n == 1 && a_column == SIZE && b_row == SIZE) {
        NAME(matrix_vector)(a, a_row, b, m, k, out, out_row);
        return;
    }
    if (m == 1 && a_column == SIZE && b_row == SIZE) { /* the same, transposed */
        NAME(matrix_vector)(b, b_column, a, n, k, out, out_column);
        return;
    }
    if (n == 1 && m > 1 && a_row == SIZE) { /* the same once: the matrix is on the right, and need not be packed */
        NAME(product)(b, a, out, 1, k, m, b_column, b_row, a_column, a_row, out_column, out_row);
        return;
    }
    char *packed_right = work + SPARE, *packed_left = packed_right + WIDE * DEPTH;
    int right_stays = b_column == SIZE && m <= FEW, left_stays = a_row == SIZE && n <= FEW;
    intp parts = (k - 1) / DEEP + 1, part = (k - 1) / parts + 1; /* of equal size, none deeper than DEEP */
    for (intp j0 = 0; j0 < n; j0 += WIDE)
        for (intp p0 = 0; p0 < k; p0 += part) {
            intp wide = min(WIDE, n - j0), deep = min(part, k - p0);
            const char *right = b + p0 * b_row + j0 * b_column;
            intp there = right_stays ? wide / COLUMNS * COLUMNS : 0; /* so many columns are read where they lie */
            NAME(pack_right)(packed_right, right + there * b_column, b_column, b_row, wide - there, deep);
            for (intp i0 = 0; i0 < m; i0 += HIGH) {
                intp high = min(HIGH, m - i0);
                const char *left = a + i0 * a_row + p0 * a_column;
                if (!left_stays && high > 1) NAME(pack_left)(packed_left, left, a_row, a_column, high, deep);
                /* where a tile begins, and its step: from row i, a multiple of ROWS, and column j, one of COLUMNS, on */
#define LEFT(i) left_stays ? left + (i) * SIZE : packed_left + (i) * deep * SIZE, left_stays ? a_column : ROWS * SIZE
#define RIGHT(j)                                                                                                       \
    (j) < there ? right + (j) * SIZE : packed_right + ((j) - there) * deep * SIZE, (j) < there ? b_row : COLUMNS * SIZE
#define OUT(i, j) deep, out + (i0 + (i)) * out_row + (j0 + (j)) * out_column, out_row, out_column
                intp whole = high / ROWS * ROWS;
                for (intp j = 0; j < wide; j += COLUMNS) {
                    intp columns = min(COLUMNS, wide - j);
                    for (intp i = 0; i < whole; i += ROWS)
                        if (columns > LANES)
                            NAME(tile_4_2)(LEFT(i), RIGHT(j), OUT(i, j), columns, p0 > 0);
                        else
                            NAME(tile_4_1)(LEFT(i), RIGHT(j), OUT(i, j), columns, p0 > 0);
                }
                for (intp i = whole, rows; i < high; i += rows) { /* at most 3 rows are left: two, and one */
                    rows = min(2, high - i);
                    for (intp j = 0, columns; j < wide; j += columns) {
                        if (rows == 2 && there - j >= 4 * LANES) {
                            columns = 4 * LANES;
                            NAME(tile_2_4)(LEFT(i), RIGHT(j), OUT(i, j), columns, p0 > 0);
                        } else if (rows == 1 && there - j >= 8 * LANES) {
                            columns = 8 * LANES;
                            NAME(tile_1_8)(left + i * a_row, a_column, RIGHT(j), OUT(i, j), columns, p0 > 0);
                        } else {
                            columns = min(COLUMNS, wide - j);
                            for (intp r = i; r < i + rows; r++)
                                NAME(tile_1_2)(left + r * a_row, a_column, RIGHT(j), OUT(r, j), columns, p0 > 0);
                        }
                    }
                }
#undef LEFT
#undef RIGHT
#undef OUT
            }
        }
}

/* What NumPy calls: sizes[0] products, whose matrices lie strides[0..2] apart; sizes and strides of one follow */
LOOP(matmul) {
    (void)data;
    const intp *s = strides + 3;
    for (intp i = 0; i < sizes[0]; i++)
        NAME(product)(args[0] + i * strides[0], args[1] + i * strides[1], args[2] + i * strides[2], sizes[1], sizes[2],
                      sizes[3], s[0], s[1], s[2], s[3], s[4], s[5]);
}

/* ------------------------------------------------------------------------------- functions of single numbers

NumPy hands over arrays of sizes[0] numbers, strides apart as ever. An array may be the output, too: each number is read
before its place is written to. So may one whose every number lies before the input's of the same index, or at it: what is
read later is not written yet, as each vector is read whole. Other overlaps NumPy copies, but for maximum's reduce and
accumulate (see there). */

/* The next vector of numbers; if they do not lie side by side, or are too few, those that exist, and 0 */
ALWAYS_INLINE VECTOR NAME(read)(const char *from, intp stride, intp count) {
    VECTOR v = {0};
    if (count < LANES)
        for (intp c = 0; c < count; c++) v[c] = AT(from, c * stride);
    else if (stride == SIZE) v = VECTOR_AT(from, 0);
    else UNROLLED for (int c = 0; c < LANES; c++) v[c] = AT(from, c * stride);
    return v;
}

ALWAYS_INLINE void NAME(write)(char *to, intp stride, intp count, VECTOR v) {
    if (count < LANES)
        for (intp c = 0; c < count; c++) AT(to, c * stride) = v[c];
    else if (stride == SIZE) VECTOR_AT(to, 0) = v;
    else UNROLLED for (int c = 0; c < LANES; c++) AT(to, c * stride) = v[c];
}

#define EACH(name)                                                                                                     \
    LOOP(name) {                                                                                                       \
        (void)data;                                                                                                    \
        const char *from = args[0];                                                                                    \
        char *to = args[1];                                                                                            \
        for (intp count = sizes[0]; count > 0; count -= LANES, from += LANES * strides[0], to += LANES * strides[1])      \
            NAME(write)(to, strides[1], count, NAME(vector_##name)(NAME(read)(from, strides[0], count)));                \
    }

#define CHOOSE(mask, a, b) ((VECTOR)(((PLACES)(a) & (mask)) | ((PLACES)(b) & ~(mask))))
#define ALL(number) ((T)(number) - (VECTOR){0}) /* -0 stays -0 */

/* exp(x) = 2^n exp(r), where n is x / ln 2 rounded, and |r| <= ln 2 / 2 */
typedef struct {
    VECTOR less_1; /* exp(r) - 1, by its Taylor series */
    PLACES n;
} NAME(parts);

ALWAYS_INLINE NAME(parts) NAME(exp_parts)(VECTOR x) {
    /* with this number added, the last bits of the sum are n; where x is NaN, n is of no importance,
       even if it overflows */
    VECTOR shift = ALL(1.5 / EPSILON), sum = x * (T)1.4426950408889634 + shift, n = sum - shift;
    VECTOR r = x - n * (T)LN2_HIGH - n * (T)LN2_LOW; /* the first product is exact */
    VECTOR series = ALL(INVERSE_FACTORIAL[TERMS]);
    UNROLLED for (int i = TERMS - 1; i >= 2; i--) series = series * r + (T)INVERSE_FACTORIAL[i];
    return (NAME(parts)){r + r * r * series, (PLACES)sum - (PLACES)shift};
}

/* 2^n, where that is a normal number */
ALWAYS_INLINE VECTOR NAME(power)(PLACES n) { return (VECTOR)((n + BIAS) << MANTISSA); }

#ifdef EXP_MOST /* float64 has a fast one already */
ALWAYS_INLINE VECTOR NAME(vector_exp)(VECTOR x) {
    x = CHOOSE(x > EXP_MOST, ALL(EXP_MOST), x); /* beyond these exp(x) is infinite, and less than half the least number */
    x = CHOOSE(x < EXP_LEAST, ALL(EXP_LEAST), x);
    NAME(parts) parts = NAME(exp_parts)(x);
    PLACES half = parts.n >> 1; /* in two steps, as 2^n may be too large or too small for a number where exp(x) is not */
    return (1 + parts.less_1) * NAME(power)(half) * NAME(power)(parts.n - half);
}
EACH(exp)
#endif

ALWAYS_INLINE VECTOR NAME(vector_tanh)(VECTOR x) {
    PLACES sign = (PLACES)x & (PLACES)ALL(-0.0);
    VECTOR size = (VECTOR)((PLACES)x ^ sign);
    size = CHOOSE(size > 20, ALL(20), size); /* there it is 1 */
    NAME(parts) parts = NAME(exp_parts)(2 * size);
    VECTOR power = NAME(power)(parts.n), less_1 = power * parts.less_1 + (power - 1); /* exp(2 |x|) - 1 */
    VECTOR sum = less_1 + 2, lost = less_1 - (sum - 2), small = less_1 / sum; /* as 1 / sum is (1 - small) / 2: */
    small -= small * lost * (1 - small) / 2;
    return (VECTOR)((PLACES)CHOOSE(size > (T)0.55, 1 - 2 / sum, small) | sign);
}

EACH(tanh)

/* As NumPy has it: the first unless the second is greater; NaN where one of them is */
#define GREATER(x, y) CHOOSE((x >= y) | (x != x), x, y)
ALWAYS_INLINE T NAME(greater)(T a, T b) { return a >= b || a != a ? a : b; }

/* Whether an input is one number, or numbers side by side, that may be read in vectors while the output is written: it is
the output itself, or has no byte of it */
ALWAYS_INLINE int NAME(steady)(const char *in, intp stride, const char *out, intp bytes) {
    return ((stride == 0 && in != out) || stride == SIZE) && (in == out || in - out >= bytes || out - in >= bytes);
}

/* np.maximum.reduce hands over a first input that is the output, of one number; and accumulate, an output that is the
first input, a number ahead */
LOOP(maximum) {
    (void)data;
    const char *a = args[0], *b = args[1];
    char *out = args[2];
    intp count = sizes[0], bytes = count * SIZE;
    if (a == out && strides[0] == 0 && strides[2] == 0) {
        T greatest = AT(a, 0);
        if (strides[1] == SIZE && count >= LANES) {
            VECTOR x = ALL(greatest);
            for (; count >= LANES; count -= LANES, b += BYTES) x = GREATER(x, VECTOR_AT(b, 0));
            UNROLLED for (int c = 0; c < LANES; c++) greatest = NAME(greater)(greatest, x[c]);
        }
        for (; count > 0; count--, b += strides[1]) greatest = NAME(greater)(greatest, AT(b, 0));
        AT(out, 0) = greatest;
        return;
    }
    if (strides[2] == SIZE && NAME(steady)(a, strides[0], out, bytes) && NAME(steady)(b, strides[1], out, bytes)) {
        VECTOR x = ALL(0), y = ALL(0);
        if (count > 0 && !strides[0]) x = ALL(AT(a, 0));
        if (count > 0 && !strides[1]) y = ALL(AT(b, 0));
        if (strides[0] && strides[1])
            for (; count >= LANES; count -= LANES, a += BYTES, b += BYTES, out += BYTES)
                VECTOR_AT(out, 0) = GREATER(VECTOR_AT(a, 0), VECTOR_AT(b, 0));
        else if (strides[0])
            for (; count >= LANES; count -= LANES, a += BYTES, out += BYTES) VECTOR_AT(out, 0) = GREATER(VECTOR_AT(a, 0), y);
        else if (strides[1])
            for (; count >= LANES; count -= LANES, b += BYTES, out += BYTES) VECTOR_AT(out, 0) = GREATER(x, VECTOR_AT(b, 0));
    }
    for (; count > 0; count--, a += strides[0], b += strides[1], out += strides[2])
        AT(out, 0) = NAME(greater)(AT(a, 0), AT(b, 0));
}

#undef NUMBER
#undef VECTOR
#undef SIZE
#undef LANES
#undef COLUMNS
#undef DEEP
#undef PLACES
#undef EACH
#undef CHOOSE
#undef ALL
#undef GREATER
#undef EPSILON
#undef MANTISSA
#undef BIAS
#undef LN2_HIGH
#undef LN2_LOW
#undef TERMS
#undef EXP_MOST
#undef EXP_LEAST
#endif
