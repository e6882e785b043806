/** Numbers by chance that are the same in every run. */

/** Returns a function that returns uniform numbers from 0 up to, not including, 1: the same ones for the same seed. */
export function chance(seed: number): () => number {
  let state = seed | 0
  return () => {
    // A Weyl sequence whose bits are mixed by two rounds of multiply and shift.
    state = (state + 0x9e3779b9) | 0
    let bits = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97)
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32
  }
}
