import { describe, expect, it } from 'vitest';

import { toOperationId } from '../../src/protocol/operation-id.ts';
import { OperationTable } from '../../src/protocol/operation-table.ts';

function operation(id: string | number) {
  return { id: toOperationId(id) };
}

describe('OperationTable', () => {
  it('finds operations by id, and tells 1 from "1"', () => {
    const table = new OperationTable();
    const [number, text] = [operation(1), operation('1')];
    table.add(number);
    table.add(text);

    expect(table.find(toOperationId(1))).toBe(number);
    expect(table.find(toOperationId('1'))).toBe(text);
    expect(table.size).toBe(2);
  });

  it('does not remove a successor that has the id of the one to remove', () => {
    const table = new OperationTable();
    const [first, second] = [operation('a'), operation('a')];
    table.add(first);

    expect(table.remove(first)).toBe(first);
    table.add(second);
    expect(table.remove(first)).toBeUndefined();
    expect(table.find(toOperationId('a'))).toBe(second);
  });

  it('counts the UTF-8 bytes of the ids that it holds', () => {
    const table = new OperationTable();
    const long = operation('ключ');
    table.add(long);
    table.add(operation(12));

    expect(table.idBytes).toBe(10);
    table.remove(long);
    table.remove(long);
    expect(table.idBytes).toBe(2);
  });

  it('gives back all operations in order when it is cleared', () => {
    const table = new OperationTable();
    const all = [operation('b'), operation('a'), operation(0)];
    for (const one of all) table.add(one);

    expect(table.clear()).toEqual(all);
    expect({ size: table.size, idBytes: table.idBytes }).toEqual({ size: 0, idBytes: 0 });
    expect(table.clear()).toEqual([]);
  });
});
