export { ConfigError } from './config/config-error.ts'
export { configFile, loadConfig, parseConfig } from './config/load.ts'
export { type Config, configSchema } from './config/schema.ts'
export { wire, withDefaults } from './wire.ts'
