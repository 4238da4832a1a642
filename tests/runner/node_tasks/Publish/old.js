throw new Error('This file is for agents that have no newer Node.');
