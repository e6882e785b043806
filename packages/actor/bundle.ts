// What `dist/actor.js` holds: all that an entry has. It is the entry `./internal` as well.
export * from './src/index.ts'
export * from './src/internal.ts'
export * from './src/testing/index.ts'
