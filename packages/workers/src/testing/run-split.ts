/** A process that splits one data directory. Argument: its path. */
import { splitDataDirectory } from '../split.ts'

await splitDataDirectory(process.argv[2] ?? '')
