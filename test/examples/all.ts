import { affilutPage } from './affilut.ts';
import { affitorPage } from './affitor.ts';
import { affspacePage } from './affspace.ts';
import { attroPage } from './attro.ts';
import { runPage, type ExampleResult } from './example.ts';
import { refgrowPage } from './refgrow.ts';
import { makeCatalog } from './world.ts';

const pages = {
  Attro: attroPage,
  affilut: affilutPage,
  Affitor: affitorPage,
  AffSpace: affspacePage,
  Refgrow: refgrowPage,
};

/** Every example request of the five pages by curl against a hub, each page in a program of its own. */
export async function runAllPages(hub: string, adminToken: string): Promise<ExampleResult[]> {
  const results: ExampleResult[] = [];
  for (const [name, pageOf] of Object.entries(pages)) {
    results.push(...(await runPage(pageOf(await makeCatalog(hub, adminToken, name)))));
  }
  return results;
}
