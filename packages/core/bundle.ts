// What `dist/index.js` holds: all that an entry has. The names of the other entries are no part of the main one: its types do not have them. `src/primitives.ts` is not here, for all its names are those of another package.
export * from './src/adapter/index.ts'
export * from './src/index.ts'
export * from './src/testing/index.ts'
