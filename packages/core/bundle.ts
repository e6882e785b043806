// What `dist/core.js` holds: all that an entry passes on. `src/primitives.ts` is not here, for all its names are those of another package.
export * from './src/adapter/index.ts'
export * from './src/index.ts'
export * from './src/testing/index.ts'
