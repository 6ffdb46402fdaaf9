import '../ui/tokens.css';
import '../ui/base.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Provider } from 'urql';
import { api } from '../api/client';
import { session } from '../api/session';
import { App } from './App';

void session.start();

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <Provider value={api.client}>
      <App />
    </Provider>
  </StrictMode>,
);
