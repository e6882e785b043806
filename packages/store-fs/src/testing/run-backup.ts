/** A process that makes one backup. Arguments: from, to. */
import { backupDirectory } from '../backup.ts'

const [from = '', to = ''] = process.argv.slice(2)
await backupDirectory({ from, to })
