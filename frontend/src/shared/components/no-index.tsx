/** Keeps search engines from listing a page that the link of an email leads to. */
export function NoIndex() {
  return <meta name="robots" content="noindex" />;
}
