/** Data types that are suggested; any other may be written, and the server says whether it is one. */
const COMMON = ['bigint', 'int', 'smallint', 'boolean', 'varchar(64)', 'varchar(255)', 'text', 'char(36)', 'decimal(12,2)', 'date', 'time', 'json']
const POSTGRES = ['timestamptz', 'timestamp', 'uuid', 'jsonb', 'numeric(12,2)', 'double precision', 'real', 'bytea', 'interval', 'inet', 'text[]']
const MYSQL = ['datetime', 'timestamp', 'tinyint', 'bigint unsigned', 'int unsigned', 'double', 'float', 'mediumtext', 'longtext', 'blob', 'varbinary(255)']

export function suggestedTypes(dialect: string): string[] {
  const own = dialect.toLowerCase() === 'mysql' ? MYSQL : dialect ? POSTGRES : [...POSTGRES, ...MYSQL]
  return [...new Set([...COMMON, ...own])]
}

export const ACTIONS = ['noAction', 'restrict', 'cascade', 'setNull', 'setDefault'] as const
