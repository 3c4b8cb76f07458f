import { en, type Text } from './en';

export const text: Text = en;
