/* Families of register tiles: one function for each number of rows, as the arithmetic inside is unrolled, and tables of them.
 *
 * TILES(N, f, V, (parameters), arguments ...) defines NAME(f_1_V) to NAME(f_N_V), which call the inlined NAME(f)(rows, V, arguments ...);
 * TILE_ROW(N, f, V) is what a table of them holds. N is a number, or a macro that is one.
 */
#ifndef DL_TILES
#define DL_TILES
#define DL_TILE(ROWS, F, V, PARAMETERS, ...) \
    static __attribute__((noinline)) void NAME(F##_##ROWS##_##V) PARAMETERS { NAME(F)(ROWS, V, __VA_ARGS__); }
#define DL_TILE_NAME(ROWS, F, V) NAME(F##_##ROWS##_##V),
#define TILES(N, F, V, ...) DL_UP_TO(N, DL_TILE, F, V, __VA_ARGS__)
#define TILE_ROW(N, F, V) {DL_UP_TO(N, DL_TILE_NAME, F, V)}

#define DL_UP_TO(N, M, ...) DL_UP_TO_(N, M, __VA_ARGS__)
#define DL_UP_TO_(N, M, ...) DL_UP_TO_##N(M, __VA_ARGS__)
#define DL_UP_TO_3(M, ...) M(1, __VA_ARGS__) M(2, __VA_ARGS__) M(3, __VA_ARGS__)
#define DL_UP_TO_6(M, ...) DL_UP_TO_3(M, __VA_ARGS__) M(4, __VA_ARGS__) M(5, __VA_ARGS__) M(6, __VA_ARGS__)
#define DL_UP_TO_7(M, ...) DL_UP_TO_6(M, __VA_ARGS__) M(7, __VA_ARGS__)
#define DL_UP_TO_8(M, ...) DL_UP_TO_7(M, __VA_ARGS__) M(8, __VA_ARGS__)
#define DL_UP_TO_9(M, ...) DL_UP_TO_8(M, __VA_ARGS__) M(9, __VA_ARGS__)
#define DL_UP_TO_12(M, ...) DL_UP_TO_9(M, __VA_ARGS__) M(10, __VA_ARGS__) M(11, __VA_ARGS__) M(12, __VA_ARGS__)
#define DL_UP_TO_14(M, ...) DL_UP_TO_12(M, __VA_ARGS__) M(13, __VA_ARGS__) M(14, __VA_ARGS__)
#define DL_UP_TO_16(M, ...) DL_UP_TO_14(M, __VA_ARGS__) M(15, __VA_ARGS__) M(16, __VA_ARGS__)
#endif
