// What `dist/actor.js` holds: all that an entry passes on.
export * from './src/index.ts'
export * from './src/internal.ts'
export * from './src/testing/index.ts'
