/** Before anything is painted: light or dark as it was chosen, here or in the console. */
document.documentElement.dataset['theme'] = localStorage.getItem('tributary-theme') ?? 'system';
