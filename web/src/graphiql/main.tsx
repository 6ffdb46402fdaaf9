import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import '../ui/tokens.css';
import './playground.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { session } from '../api/session';
import { Playground } from './Playground';

void session.start();

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <Playground />
  </StrictMode>,
);
