/** A count with its noun: some(1, 'seat', 'seats') is 1 seat. */
export const some = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;
