import { parser } from '@prometheus-io/lezer-promql';

/** A metric that an expression names, with the labels that it is chosen by. */
export interface NamedMetric {
  name: string;
  labels: string[];
}

/** What an expression of Prometheus names, and the labels that it groups by. Throws where it is none. */
export function readExpression(expression: string): { metrics: NamedMetric[]; grouping: string[] } {
  const metrics: NamedMetric[] = [];
  const grouping: string[] = [];
  parser.parse(expression).iterate({
    enter(node) {
      const text = (): string => expression.slice(node.from, node.to);
      if (node.type.isError) throw new Error(`no PromQL at ${node.from} of ${expression}`);
      if (node.name === 'VectorSelector') metrics.push({ name: '', labels: [] });
      const parent = node.node.parent?.name;
      if (node.name === 'Identifier' && parent === 'VectorSelector') metrics.at(-1)!.name = text();
      if (node.name === 'LabelName' && parent?.endsWith('LabelMatcher')) metrics.at(-1)!.labels.push(text());
      if (node.name === 'LabelName' && parent === 'GroupingLabels') grouping.push(text());
    },
  });
  return { metrics, grouping };
}
