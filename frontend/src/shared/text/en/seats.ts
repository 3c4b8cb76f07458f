export const seats = {
  title: 'Choose your seats',
};
