import packageFile from '../../package.json' with { type: 'json' };

/** Of the running code, as in `package.json`. */
export const version: string = packageFile.version;
