export { DemoProvider, type DemoProviderOptions, demoProviderDefaults } from './demo-provider.ts'
