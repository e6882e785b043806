export { type BackupDamage, type BackupOptions, type BackupProgress, type BackupResult, backupDirectory } from './backup.ts'
export { type HeldDirectory, type LockDirectoryOptions, lockDirectory } from './directory-hold.ts'
export {
  type CheckedFiles,
  type CheckFilesOptions,
  DirectoryRepair,
  type DirectoryRepairOptions,
  type FileFinding,
} from './directory-repair.ts'
export { type DivideDirectoryOptions, divideDirectory, type MeasureDivisionOptions, measureDivision } from './division.ts'
export type { DirectoryEntry, FileSystem } from './file-system.ts'
export { nodeFileSystem } from './file-system.ts'
export { FsStore } from './fs-store.ts'
export type { DamagedLine, LogLine, MissingLines, RecordLine, SnapshotLine } from './log-line.ts'
export type { DirectoryMeasure } from './measured-directory.ts'
export { type FsStoreOptions, fsStoreDefaults, type SyncMode } from './options.ts'
export { type ReadLogBesideOptions, readLogBeside } from './read-log-beside.ts'
export { type DirectorySurvey, type SurveyDamage, type SurveyOptions, surveyDirectory } from './survey.ts'
export { type IndexCondition, surveyIndex } from './survey-index.ts'
