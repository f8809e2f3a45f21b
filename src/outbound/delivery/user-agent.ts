import packageJson from '../../../package.json' with { type: 'json' };

export const userAgent = `Tributary/${packageJson.version}`;
