/**
 * Aligned columns for people: words to the left, numbers to the right.
 *
 * @param {readonly string[]} heads
 * @param {readonly (readonly string[])[]} rows
 * @returns {string}
 */
export function formatTable(heads, rows) {
  const columns = heads.map((head, column) => {
    const cells = rows.map((row) => row[column] ?? '');
    return {
      width: Math.max(...[head, ...cells].map((cell) => cell.length)),
      numbers: cells.every((cell) => cell === '' || /^[\d-]/u.test(cell)),
    };
  });
  const rule = columns.map(({ width }) => '-'.repeat(width));
  return [heads, rule, ...rows].map((cells) => formatLine(cells, columns)).join('\n');
}

/**
 * @param {readonly string[]} cells
 * @param {readonly { width: number, numbers: boolean }[]} columns
 * @returns {string}
 */
function formatLine(cells, columns) {
  const padded = columns.map(({ width, numbers }, column) => {
    const cell = cells[column] ?? '';
    return numbers ? cell.padStart(width) : cell.padEnd(width);
  });
  return padded.join('  ').trimEnd();
}
