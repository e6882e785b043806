// What `dist/core.js` holds: all that an entry passes on.
export * from './src/adapter/index.ts'
export * from './src/index.ts'
export * from './src/primitives.ts'
export * from './src/testing/index.ts'
