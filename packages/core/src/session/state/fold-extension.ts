/** Records of extensions. The session keeps their order; the extension defines their meaning. */
import { deepFreeze } from '../../base/deep-freeze.ts'
import { jsonOf, stringOf } from '../../base/message-check.ts'
import { foldedState } from '../journal/record-extension.ts'
import type { RecordFamily } from '../journal/record-family.ts'
import type { ExtensionRecord } from '../journal/records.ts'

export const extensionRecords: RecordFamily<ExtensionRecord> = {
  extension: {
    check({ extension, name, data }, fail) {
      stringOf(extension, 'extension', fail)
      stringOf(name, 'name', fail)
      jsonOf(data, 'data', fail)
    },
    fold(state, { extension: id, name, runId, data }) {
      const extension = state.extension(id)
      if (extension === undefined) return
      const before = state.extensions.get(id) ?? deepFreeze(extension.initial)
      state.extensions.set(id, deepFreeze(foldedState(extension, before, { name, runId, data, at: state.at })))
    },
    event: ({ extension, name, data }, head) => ({ type: 'record', ...head, extension, name, data }),
  },
}
