export const films = {
  title: 'What is on',
};
