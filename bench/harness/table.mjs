/**
 * Aligned columns for people; numbers to the right.
 *
 * @param {readonly string[]} heads
 * @param {readonly (readonly string[])[]} rows
 * @returns {string}
 */
export function formatTable(heads, rows) {
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = [heads, widths.map((width) => '-'.repeat(width)), ...rows];
  return lines.map((cells) => formatLine(cells, widths)).join('\n');
}

/**
 * @param {readonly string[]} cells
 * @param {readonly number[]} widths
 */
function formatLine(cells, widths) {
  return widths
    .map((width, column) => {
      const cell = cells[column] ?? '';
      return /^[\d.,×%<-]/u.test(cell) ? cell.padStart(width) : cell.padEnd(width);
    })
    .join('  ')
    .trimEnd();
}
