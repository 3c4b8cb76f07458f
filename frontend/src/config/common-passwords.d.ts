/** The text of backend/common_passwords.txt; vite.config.ts says where it is. */
declare module '@common-passwords' {
  const list: string;
  export default list;
}
