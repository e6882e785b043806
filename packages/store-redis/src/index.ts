export { type RedisClusterOptions, redisClusterDefaults } from './cluster-options.ts'
export { type RedisStoreClient, type RedisStoreOptions, redisStoreDefaults } from './options.ts'
export { RedisCluster } from './redis-cluster.ts'
export { RedisStore } from './redis-store.ts'
