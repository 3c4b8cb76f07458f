import { account } from './en/account';
import { bookings } from './en/bookings';
import { checkout } from './en/checkout';
import { common } from './en/common';
import { errors } from './en/errors';
import { films } from './en/films';
import { leaving } from './en/leaving';
import { seats } from './en/seats';
import { secondFactor } from './en/second-factor';

/** All text of the page in English. A translation is another object of type Text. */
export const en = {
  locale: 'en-GB',
  common,
  errors,
  account,
  films,
  seats,
  checkout,
  bookings,
  leaving,
  secondFactor,
};

export type Text = typeof en;
