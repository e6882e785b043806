export { type RedisStoreClient, type RedisStoreOptions, redisStoreDefaults } from './options.ts'
export { RedisStore } from './redis-store.ts'
