type Work = () => Promise<unknown>;

/** Web Locks for one process: works of one name run one after the other. */
export const locks = {
  last: new Map<string, Promise<unknown>>(),

  request(name: string, work: Work): Promise<unknown> {
    const before = locks.last.get(name) ?? Promise.resolve();
    const mine = before.then(work, work);
    locks.last.set(name, mine);
    return mine;
  },
};
