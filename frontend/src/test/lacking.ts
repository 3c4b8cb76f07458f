import { vi } from 'vitest';

/** Make Intl one of a browser that is older than those time zones. */
export function lacking(...zones: string[]): void {
  const { DateTimeFormat } = Intl;
  class Older extends DateTimeFormat {
    constructor(locales?: string | string[], options?: Intl.DateTimeFormatOptions) {
      if (options?.timeZone !== undefined && zones.includes(options.timeZone))
        throw new RangeError(`Invalid time zone specified: ${options.timeZone}`);
      super(locales, options);
    }
  }
  const older = new Proxy(Older, { apply: (made, _this, asked) => Reflect.construct(made, asked) as Older });
  vi.stubGlobal('Intl', Object.create(Intl, { DateTimeFormat: { value: older } }) as typeof Intl);
}
