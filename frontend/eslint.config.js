import js from '@eslint/js';
import reactHooks from 'eslint-plugin-react-hooks';
import globals from 'globals';
import tseslint from 'typescript-eslint';

// Imports flow config -> shared -> api -> features -> app. A feature knows no other feature.
const ORDER = ['config', 'shared', 'api', 'features', 'app'];

const FAR = {
  regex: '^\\.\\./\\.\\./',
  message: 'Name the folder from its root: @/shared/..., @/api/...',
};
const SUPABASE = {
  regex: '^@supabase/|^@/api/supabase$',
  message: 'Only an api folder talks to Supabase.',
};

const upTo = (layer) => {
  const above = ORDER.slice(ORDER.indexOf(layer) + 1).join('|');
  return above ? [{ regex: `^(@|\\.\\.)/(${above})(/|$)`, message: `${layer} does not know ${above}.` }] : [];
};

const layer = (name, ...patterns) => ({
  files: [`src/${name}/**/*.{ts,tsx}`],
  rules: { 'no-restricted-imports': ['error', { patterns: [FAR, ...upTo(name), ...patterns] }] },
});

export default tseslint.config(
  { ignores: ['dist', 'src/api/database.types.ts'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      globals: globals.browser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  { files: ['src/**/*.{ts,tsx}'], extends: [reactHooks.configs.flat['recommended-latest']] },
  {
    files: ['src/**/*.{ts,tsx}'],
    ignores: ['src/shared/lib/clock.ts', '**/*.test.{ts,tsx}'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector:
            ":matches(MemberExpression[object.name='Date'][property.name='now'], NewExpression[callee.name='Date'][arguments.length=0])",
          message: 'A device’s clock may be wrong: serverNow of @/shared/lib/clock, or deviceNow for a span.',
        },
        {
          selector: 'CallExpression[callee.property.name=/^get(FullYear|Month|Date|Day|Hours|Minutes)$/]',
          message: 'That is the viewer’s calendar; @/shared/lib/format has the theater’s.',
        },
      ],
    },
  },
  { files: ['public/*.js'], languageOptions: { globals: globals.browser, sourceType: 'script' } },
  // Those outside this folder; `npm run lint` names them.
  { files: ['bench/*.js'], languageOptions: { globals: globals.browser } },
  { files: ['tests/**/*.mjs'], languageOptions: { globals: globals.node } },
  layer('config', SUPABASE),
  layer('shared', SUPABASE),
  layer('api'),
  layer('features', {
    regex: '^@/features/',
    message:
      'A feature knows no other feature: move what is shared to @/api or @/shared, or compose in app/pages.',
  }),
  layer('app', SUPABASE),
  {
    files: ['src/features/*/components/**/*.{ts,tsx}'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            FAR,
            ...upTo('features'),
            SUPABASE,
            { regex: '^@/features/', message: 'A feature knows no other feature.' },
          ],
        },
      ],
    },
  },
);
