for(const plot of document.querySelectorAll('[data-x]')){
const [x0,x1]=plot.dataset.x.split(',').map(Number),[y0,y1]=plot.dataset.y.split(',').map(Number);
const area=plot.querySelector('.area'),cross=document.createElement('div'),said=document.createElement('div');
cross.className='cross';said.className='said';
const show=event=>{const box=area.getBoundingClientRect(),at=(event.clientX-box.left)/box.width;
if(at<0||at>1){hide();return}
const when=new Date((x0+at*(x1-x0))/1e6).toISOString().replace('T',' ').slice(0,23);
const height=(event.clientY-box.top)/box.height,value=y1-height*(y1-y0);
const places=Math.max(0,Math.min(8,3-Math.floor(Math.log10((y1-y0)||1))));
said.textContent=when+'  '+value.toLocaleString('en',{minimumFractionDigits:places,maximumFractionDigits:places});
cross.style.left=at*100+'%';said.style.left=at<.5?`calc(${at*100}% + 8px)`:'';said.style.right=at<.5?'':`calc(${100-at*100}% + 8px)`;
area.append(cross,said)};
const hide=()=>{cross.remove();said.remove()};
area.addEventListener('pointermove',show);area.addEventListener('pointerleave',hide);
}
