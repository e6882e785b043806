/**
 * The used functions of the schema library. The build bundles only these: the complete library would take longer to load than the rest of the
 * package. Named one by one, because a re-exported namespace cannot be tree-shaken.
 */
export {
  array,
  boolean,
  catch,
  type infer,
  int,
  nullish,
  number,
  object,
  optional,
  record,
  string,
  union,
  unknown,
  type ZodMiniType,
} from 'zod/mini'
