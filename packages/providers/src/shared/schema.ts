/**
 * What is used of the schema library. The build puts just that into the package: whole, the library would take longer to load than everything
 * else here. Named one by one, since a namespace that is passed on is kept whole.
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
