export type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, Value | readonly Value[]>>;

/** A statement as pg takes it; the name makes pg prepare it once on each connection. */
interface Statement {
  readonly name: string;
  readonly text: string;
  readonly parameters: readonly string[];
}

export interface BoundStatement {
  readonly name: string;
  readonly text: string;
  readonly values: (Value | readonly Value[])[];
}

/** As many as there are statements in the code: their texts are constants. */
const statements = new Map<string, Statement>();

/** Puts values in the place of `:name`, so that PostgreSQL's statements read as SQLite's do. `::type` is a cast. */
export function bindStatement(sql: string, row: Row): BoundStatement {
  const { name, text, parameters } = statements.get(sql) ?? prepare(sql);
  return { name, text, values: parameters.map((parameter) => storableValue(row, parameter)) };
}

function prepare(sql: string): Statement {
  const parameters: string[] = [];
  const text = sql.replaceAll(/(?<!:):([a-zA-Z]+)/g, (_match, parameter: string) => {
    if (!parameters.includes(parameter)) parameters.push(parameter);
    return `$${parameters.indexOf(parameter) + 1}`;
  });
  const statement = { name: `bridge_${statements.size}`, text, parameters };
  statements.set(sql, statement);
  return statement;
}

function storableValue(row: Row, parameter: string): Value | readonly Value[] {
  const value = row[parameter];
  if (value === undefined) throw new Error(`The statement’s parameter ${parameter} is missing.`);
  if (typeof value === 'string') return storable(value);
  return Array.isArray(value) ? value.map((one) => (typeof one === 'string' ? storable(one) : one)) : value;
}

/** PostgreSQL's TEXT refuses NUL; half a surrogate pair is no UTF-8. Whatever has to come back as it was is JSON. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD');
}
