import { z } from 'zod';

const schema = z.object({
  /** As typed and as stored. */
  accepted: z.array(z.tuple([z.string(), z.string()])),
  refused: z.array(z.string()),
});

const files = import.meta.glob('../../../tests/data/*.json', { eager: true, import: 'default' });

/** Examples that the tests of SQL, of Python and of the page share. */
export const examplesOf = (what: 'emails' | 'names') =>
  schema.parse(files[`../../../tests/data/${what}.json`]);
