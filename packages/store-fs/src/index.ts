export type { DirectoryEntry, FileSystem } from './file-system.ts'
export { nodeFileSystem } from './file-system.ts'
export { FsStore } from './fs-store.ts'
export { type FsStoreOptions, fsStoreDefaults, type SyncMode } from './options.ts'
