// Makes a bare checkout ready: packages installed, everything built. Does nothing when nothing changed.
import { ensureBuilt, ensureInstalled } from './lib/workspace.mjs'

ensureInstalled()
ensureBuilt()
